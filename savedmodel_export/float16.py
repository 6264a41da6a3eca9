"""Stores the weights of a .tflite network's convolutions and dense layers as float16, and nothing else.

TensorFlow's own converter also rounds the constants of the error level analysis (cosines and colour matrices) to
float16. That changes error levels by whole steps, and the probability by up to 0.3. Here they stay exact.
"""

from __future__ import annotations

import contextlib
import io

LAYERS = "(afsr|tfe)_"  # pattern in the names of AFSR's and TFE's operations, and not in those of error level analysis


def halve_weights(content: bytes) -> bytes:
    """The same network with float16 weights, which the interpreter converts to float32 when it loads them.

    Args:
        content: a float32 network as the converter gives it.

    Returns:
        A network of the same inputs and outputs, about half as large.
    """
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    halved = quantizer.Quantizer(content)
    for operation in (qtyping.TFLOperationName.CONV_2D, qtyping.TFLOperationName.FULLY_CONNECTED):
        halved.add_weight_only_config(LAYERS, operation, num_bits=16, algorithm_key=AlgorithmName.FLOAT_CASTING)
    with contextlib.redirect_stderr(io.StringIO()):  # the quantizer's progress bar cannot be turned off
        result = halved.quantize(enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)
