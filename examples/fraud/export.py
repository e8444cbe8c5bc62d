"""Turns a fitted ensemble into a self-describing ONNX file.

One input a feature, float [N, 1], under the name of its column; one output `probability`, float
[N, 1], the probability of fraud. A server therefore needs no list of features beside the file.
"""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType

OUTPUT = "probability"
OPSET = 17
ML_OPSET = 3
IR_VERSION = 9


def to_onnx(model, features, table=None):
    """Bytes of the ONNX file.

    `table` is (column, values): the ensemble's last column is then looked up in `values` by that
    column. Looking up beyond the table is an error of the runtime.
    """
    width = len(features) + (0 if table is None else 1)
    converted = convert_sklearn(
        model,
        initial_types=[("joined", FloatTensorType([None, width]))],
        options={"zipmap": False},
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
    ).graph
    constants = [numpy_helper.from_array(np.array([1], dtype=np.int64), "positive_class")]
    inputs = list(features)
    nodes, joined = [], list(inputs)
    if table is not None:
        column, values = table
        if column not in inputs:
            inputs.append(column)
        constants.append(numpy_helper.from_array(values.astype(np.float32), "usual_table"))
        nodes.append(helper.make_node("Cast", [column], ["row_of_table"], to=TensorProto.INT64))
        nodes.append(helper.make_node("Gather", ["usual_table", "row_of_table"], ["usual"]))
        joined.append("usual")
    nodes.append(helper.make_node("Concat", joined, ["joined"], axis=1))
    nodes.extend(converted.node)
    probabilities = converted.output[1].name
    nodes.append(helper.make_node("Gather", [probabilities, "positive_class"], [OUTPUT], axis=1))
    graph = helper.make_graph(
        nodes,
        "fraud",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in inputs],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", 1])],
        [*converted.initializer, *constants],
    )
    file = helper.make_model(
        graph,
        producer_name="fraud-example",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
    )
    checker.check_model(file)
    return file.SerializeToString(deterministic=True)
