"""Stores the large weights of a .tflite network as float16, and nothing else.

TensorFlow's own converter stores every constant so, the cosines and colour matrices of the error level analysis too:
rounded to 11 bits they move whole error levels, and the probability by up to 0.3. Here the small constants stay exact.
"""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"
LARGE = 1024  # elements; the converter's own limit for 8-bit weights
WEIGHT = 1  # which input of an operation holds its weights
WEIGHTED = {schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.FULLY_CONNECTED}


def halve_weights(content: bytes) -> bytes:
    """The same network with the weights of convolutions and dense layers as float16, made float32 when it is loaded.

    Args:
        content: a float32 network as the converter gives it.

    Returns:
        A network of the same inputs and outputs, about half as large.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    dequantize = len(model.operatorCodes)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # the first that takes float16
    model.operatorCodes.append(code)
    for graph in model.subgraphs:
        added, done = [], set()
        for operator in graph.operators:
            if model.operatorCodes[operator.opcodeIndex].builtinCode not in WEIGHTED:
                continue
            index = int(operator.inputs[WEIGHT])
            tensor = graph.tensors[index]
            data = model.buffers[tensor.buffer].data
            if index in done or tensor.type != schema.TensorType.FLOAT32 or data is None or len(data) < 4 * LARGE:
                continue
            done.add(index)
            added.append(_halve(model, graph, index, dequantize))
        graph.operators = added + graph.operators
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or ()}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _halve(model: schema.ModelT, graph: schema.SubGraphT, index: int, dequantize: int) -> schema.OperatorT:
    """Moves a constant into a float16 tensor; returns the operation that computes the old tensor from it."""
    tensor = graph.tensors[index]
    exact = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(np.float32)
    buffer = schema.BufferT()
    buffer.data = exact.astype(np.float16).view(np.uint8)
    stored = schema.TensorT()
    stored.name = tensor.name + b"_float16"
    stored.shape, stored.hasRank = tensor.shape, tensor.hasRank
    stored.type = schema.TensorType.FLOAT16
    stored.buffer = len(model.buffers)
    model.buffers.append(buffer)
    graph.tensors.append(stored)
    tensor.buffer = 0  # by convention the empty one
    operation = schema.OperatorT()
    operation.opcodeIndex = dequantize
    operation.inputs, operation.outputs = [len(graph.tensors) - 1], [index]
    operation.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    operation.builtinOptions = schema.DequantizeOptionsT()
    return operation
