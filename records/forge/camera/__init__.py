"""What happens to every clip, real or manipulated: motion, decoys, noise."""
