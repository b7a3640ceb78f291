"""The ``training`` section of a use case. Combinations the locked libraries get wrong are refused here."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mlops.section import Section


class QuantizationSection(Section):
    """How the frozen base is held while the adapter trains (QLoRA, arXiv 2305.14314)."""

    kind: Literal["nf4"] = Field("nf4", description="4-bit NormalFloat, blocks of 64 weights")
    double_quant: bool = Field(True, description="quantize the block scales too: 4.127 instead of 4.5 bits per weight")
    compute_dtype: Literal["bfloat16", "float32"] = Field("bfloat16", description="type of the products")


class AdapterSection(Section):
    """Low-rank adapter (LoRA, arXiv 2106.09685) and its variants that train on a 4-bit base."""

    rank: int = Field(16, ge=1, le=512, description="inner dimension of the update")
    alpha: int = Field(32, ge=1, le=4096, description="the update is scaled by alpha / rank")
    dropout: float = Field(0.05, ge=0.0, lt=1.0, description="dropout before the update")
    targets: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear", description="all linear layers but the head, or the names of layers"
    )
    variant: Literal["lora", "rslora", "dora"] = Field(
        "lora", description="rslora scales by alpha / sqrt(rank); dora trains direction and magnitude apart"
    )
    init: Literal["default", "gaussian", "pissa", "loftq", "orthogonal"] = Field(
        "default", description="how the two factors start"
    )

    @model_validator(mode="after")
    def _head_stays_frozen(self) -> Self:
        if self.targets != "all-linear" and not self.targets:
            raise ValueError("targets: expected at least one layer name")
        if "lm_head" in self.targets:
            raise ValueError("targets: an adapter on lm_head is never trained by the fused loss; leave it out")
        return self


class BudgetSection(Section):
    """Limits of one training, over all its attempts."""

    max_minutes: float | None = Field(None, gt=0, description="wall-clock limit; the step under way is finished")
    threads: int | None = Field(None, ge=1, le=256, description="CPU threads; default: what the machine's settings say")


class TrainingSection(Section):
    """One fine-tuning: base model, method, recipe, budget."""

    base_model: str = Field(description="directory of the base model, relative to the checkout", min_length=1)
    method: Literal["qlora", "lora"] = Field("qlora", description="qlora: 4-bit base; lora: bf16 base")
    quantization: QuantizationSection | None = Field(
        None, description="4-bit request; default for qlora: nf4 with double quantization and bf16 products"
    )
    adapter: AdapterSection = Field(default_factory=AdapterSection, description="the adapter that is trained")
    epochs: float | None = Field(None, gt=0, le=1000, description="passes over the training rows; or give max_steps")
    max_steps: int | None = Field(None, ge=1, description="optimizer steps; or give epochs")
    batch_size: int = Field(16, ge=1, le=4096, description="rows per forward pass")
    accumulation: int = Field(1, ge=1, le=4096, description="forward passes per optimizer step")
    learning_rate: float = Field(2e-4, gt=0, le=1.0, description="peak rate of AdamW")
    schedule: Literal["linear", "cosine", "constant"] = Field("linear", description="decay after the warm-up")
    warmup: int = Field(0, ge=0, description="optimizer steps of linear warm-up")
    weight_decay: float = Field(0.0, ge=0.0, le=1.0, description="of AdamW, on the adapter")
    max_grad_norm: float = Field(1.0, gt=0, description="the gradient is scaled down to this norm")
    max_length: int = Field(512, ge=16, description="tokens of prompt and target; prompts are cut from the left")
    completion_only: bool = Field(True, description="loss on the last assistant message only, not on the prompt")
    length_grouping: bool = Field(True, description="put rows of like length in a batch, to pad less")
    activation_checkpointing: bool = Field(False, description="recompute activations: less memory, a quarter slower")
    adapter_dtype: Literal["bfloat16", "float32"] = Field(
        "bfloat16", description="type the adapter is trained and stored in"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="of adapter initialisation, order and dropout")
    save_steps: int = Field(50, ge=1, description="steps between two checkpoints")
    validation_rows: int = Field(256, ge=0, description="validation rows to score at the end, at most; 0: none")
    device: Literal["cpu", "cuda"] = Field("cpu", description="where to train")
    budget: BudgetSection = Field(default_factory=BudgetSection, description="limits")

    @model_validator(mode="before")
    @classmethod
    def _quantize_by_default(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("method", "qlora") == "qlora" and not values.get("quantization"):
            if "quantization" in values:
                raise ValueError("method qlora needs a quantization; leave the key out for nf4, or use method lora")
            return {**values, "quantization": {}}
        return values

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        problems = (
            ((self.epochs is None) == (self.max_steps is None), "give exactly one of epochs and max_steps"),
            (self.method == "lora" and self.quantization is not None, "method lora takes no quantization; use qlora"),
            (
                self.adapter.init in ("pissa", "loftq"),
                f"init {self.adapter.init} changes the base, so that the adapter does not fit the one on disk",
            ),
            (self.adapter.init == "orthogonal", "init orthogonal does not work on the locked adapter library"),
            (self.max_steps is not None and self.warmup >= self.max_steps, "warmup must be shorter than max_steps"),
        )
        for wrong, text in problems:
            if wrong:
                raise ValueError(text)
        return self
