"""The operations: public functions with PyTorch's signatures, and the primitives under them."""
