"""Writes small ONNX models into the folder that is the only argument."""

import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper
import numpy as np


def save(name, inputs, nodes, initializers):
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(i, TensorProto.FLOAT, ["N", 1]) for i in inputs],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", 1])],
        initializers,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(Path(sys.argv[1]) / f"{name}.onnx"))


def constant(name, values, dtype):
    return numpy_helper.from_array(np.array(values, dtype=dtype), name)


def logistic(name, weights):
    save(
        name,
        ["amount", "age"],
        [
            helper.make_node("Concat", ["amount", "age"], ["x"], axis=1),
            helper.make_node("MatMul", ["x", "w"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["probability"]),
        ],
        [constant("w", weights, np.float32)],
    )


# probability = sigmoid(0.5 amount - 0.25 age)
logistic("logistic", [[0.5], [-0.25]])
# Another version with other weights.
logistic("logistic-2", [[0.25], [-0.125]])
# probability = table[merchant]; a merchant beyond the three of the table makes the graph fail.
save(
    "lookup",
    ["amount", "merchant"],
    [
        helper.make_node("Cast", ["merchant"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["found"], axis=0),
        helper.make_node("Mul", ["amount", "zero"], ["nothing"]),
        helper.make_node("Add", ["found", "nothing"], ["probability"]),
    ],
    [
        constant("table", [0.125, 0.25, 0.5], np.float32),
        constant("zero", 0.0, np.float32),
    ],
)
