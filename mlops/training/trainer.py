"""Put TRL's trainer together from a recipe."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from mlops.models.loading import LoadedModel
from mlops.training.config import TrainingSection
from mlops.training.encoding import EncodedRows
from mlops.training.watch import Watch, trainer_callback

_LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "trl", "accelerate", "tokenizers")
_IGNORED = -100


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide the numbers."""
    return {name: version(name) for name in _LIBRARIES}


def build_trainer(
    section: TrainingSection, loaded: LoadedModel, rows: EncodedRows, order: list[int], watch: Watch
) -> Any:
    """A ``trl.SFTTrainer`` that passes once over ``order``, in that order, and reports to ``watch``.

    The rows come encoded, so the trainer neither renders nor truncates; loss falls on the targets, or on all tokens
    where the recipe says so. Logging is by step, so that the state of a checkpoint holds the loss of every step.
    """
    from transformers import PrinterCallback
    from trl import SFTTrainer

    class _Trainer(SFTTrainer):
        def _load_from_checkpoint(self, *arguments: Any, **options: Any) -> None:
            # peft widens a bf16 adapter to fp32 when it loads one: a resumed run would go on with other sums.
            super()._load_from_checkpoint(*arguments, **options)
            _set_adapter_type(self.model, section.adapter_dtype)

        def compute_loss(self, model: Any, inputs: Any, *arguments: Any, **options: Any) -> Any:
            # Without a GPU kernel the fused head walks the vocabulary twice in fp32, ignored positions included: two
            # fifths of a step. It saves memory, which matters where the vocabulary is large and the device is a GPU.
            if section.device != "cpu":
                return super().compute_loss(model, inputs, *arguments, **options)
            return target_loss(model, inputs, options.get("num_items_in_batch"))

    trainer = _Trainer(
        model=loaded.model,
        args=_arguments(section, watch),
        train_dataset=_dataset(rows, section.completion_only, order),
        processing_class=loaded.tokenizer,
        peft_config=_adapter(section),
        callbacks=[trainer_callback(watch)],
    )
    trainer.remove_callback(PrinterCallback)
    _set_adapter_type(trainer.model, section.adapter_dtype)
    return trainer


def target_loss(model: Any, inputs: Any, target_tokens: Any = None) -> Any:
    """Cross-entropy of the labelled tokens, in fp32; logits are computed from the first labelled position on.

    Args:
        inputs: ``input_ids``, ``attention_mask`` and ``labels`` (batch, length), -100 where there is no loss.
        target_tokens: labelled tokens of all forward passes of the step, to divide by; ``None``: those of this one.

    Returns:
        scalar, in nats per labelled token of the step.
    """
    import torch

    labels = inputs["labels"][:, 1:]
    first = int((labels != _IGNORED).any(dim=0).float().argmax())
    positions = torch.arange(first, labels.shape[1], device=labels.device)
    output = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        logits_to_keep=positions,
        use_cache=False,
    )
    wanted = labels[:, first:]
    chosen = wanted != _IGNORED
    total = torch.nn.functional.cross_entropy(output.logits[chosen].float(), wanted[chosen], reduction="sum")
    return total / (chosen.sum() if target_tokens is None else target_tokens).clamp(min=1)


def _arguments(section: TrainingSection, watch: Watch) -> Any:
    from trl import SFTConfig

    return SFTConfig(
        output_dir=str(watch.checkpoints),
        use_cpu=section.device == "cpu",
        bf16=True,
        activation_checkpointing=section.activation_checkpointing,
        max_length=None,
        completion_only_loss=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        num_train_epochs=1,
        per_device_train_batch_size=section.batch_size,
        gradient_accumulation_steps=section.accumulation,
        train_sampling_strategy="sequential",
        learning_rate=section.learning_rate,
        lr_scheduler_type="constant_with_warmup" if section.schedule == "constant" else section.schedule,
        warmup_steps=section.warmup,
        weight_decay=section.weight_decay,
        max_grad_norm=section.max_grad_norm,
        optim="adamw_torch",
        seed=section.seed,
        data_seed=section.seed,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="non_padding",
        save_strategy="steps",
        save_steps=section.save_steps,
        save_total_limit=None,
        eval_strategy="no",
        dataloader_num_workers=0,
        dataloader_pin_memory=section.device == "cuda",
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        push_to_hub=False,
    )


def _adapter(section: TrainingSection) -> Any:
    from peft import LoraConfig

    adapter = section.adapter
    return LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=adapter.targets if adapter.targets == "all-linear" else list(adapter.targets),
        use_rslora=adapter.variant == "rslora",
        use_dora=adapter.variant == "dora",
        init_lora_weights="gaussian" if adapter.init == "gaussian" else True,
        task_type="CAUSAL_LM",
    )


def _dataset(rows: EncodedRows, completion_only: bool, order: list[int]) -> Any:
    from datasets import Dataset

    ids, labels = [], []
    for example in rows.examples:
        ids.append([*example.prompt, *example.target])
        head = [_IGNORED] * len(example.prompt) if completion_only else list(example.prompt)
        labels.append([*head, *example.target])
    return Dataset.from_dict({"input_ids": ids, "labels": labels}).select(order)


def _set_adapter_type(model: Any, name: str) -> None:
    import torch

    kind = getattr(torch, name)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(kind)
