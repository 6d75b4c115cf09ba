from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ModelCost")


@_attrs_define
class ModelCost:
    """
    Attributes:
        input_cost_per_token (float):
        output_cost_per_token (float):
    """

    input_cost_per_token: float
    output_cost_per_token: float

    def to_dict(self) -> dict[str, Any]:
        input_cost_per_token = self.input_cost_per_token

        output_cost_per_token = self.output_cost_per_token

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "inputCostPerToken": input_cost_per_token,
                "outputCostPerToken": output_cost_per_token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        input_cost_per_token = d.pop("inputCostPerToken")

        output_cost_per_token = d.pop("outputCostPerToken")

        model_cost = cls(
            input_cost_per_token=input_cost_per_token,
            output_cost_per_token=output_cost_per_token,
        )

        return model_cost
