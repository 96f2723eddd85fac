"""The only room that knows llama.cpp: worker process, client, catalogue, downloads, GGUF, tokenizers."""
