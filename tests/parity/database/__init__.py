"""PyTorch's own database of operations and sample calls, `torch.testing._internal`'s `op_db`, run through ours.

`calls` finds what we have of it, `samples` draws the sample calls and turns them into ours, `agreement` compares one,
`differences` says where the two may differ and why.
"""
