"""Base models and adapters: safety scan, CPU guard, quantization, loading, generation, the small base's recipe."""
