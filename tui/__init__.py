"""The Textual console. It knows the operator interface and the model, nothing else."""
