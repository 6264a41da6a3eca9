"""Stores the weights of a .tflite network's convolutions and dense layers as float16, and nothing else.

TensorFlow's own converter stores every constant so, the cosines and colour matrices of the error level analysis too:
rounded to 11 bits they move whole error levels, and the probability by up to 0.3. Here they stay exact.
"""

from __future__ import annotations

import contextlib
import io

LAYERS = "(afsr|tfe)_"  # in the names of what is computed: AFSR's and TFE's layers, and no error level analysis


def halve_weights(content: bytes) -> bytes:
    """The same network with those weights as float16, made float32 when it is loaded.

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
    with contextlib.redirect_stderr(io.StringIO()):  # one of its progress bars cannot be turned off
        result = halved.quantize(enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)
