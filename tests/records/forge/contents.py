"""What lies in a data set's folder, to compare two of them."""

from hashlib import sha256


def content(folder):
    """Relative path -> size and hash of every file: a failure names the files that differ, not their bytes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, sha256(path.read_bytes()).hexdigest())
        for path in files
    }


def media(folder):
    """`content` without the notes, which name the layout."""
    return {name: known for name, known in content(folder).items() if name not in ("forge.json", "README.txt")}


def differing(folder, other):
    """The files that are not the same in two folders."""
    one, two = content(folder), content(other)
    return {name: (one.get(name), two.get(name)) for name in {*one, *two} if one.get(name) != two.get(name)}
