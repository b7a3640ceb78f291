"""Training: QLoRA by recipe, with exact resume, checkpoints that prove themselves, and a budget."""
