"""Module: a part of a network. Its parameters, buffers and inner modules are plain attributes, found in order."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

import tensorgrad as tg

from .abstract import cast, is_blank, keeps_blank
from .draw import draw
from .errors import StateError
from .hooks import BackwardHook, BackwardPreHook, BackwardWatch, handle
from .names import NAMES, names_changed, names_in

T = TypeVar("T")
PreHook = Callable[..., Any]
Hook = Callable[..., Any]

_next_key = itertools.count().__next__


class Parameter(tg.Tensor):
    """A tensor that a module learns: assigned to an attribute, it is found by `module.parameters()`.

    Takes what `tg.tensor` takes, and copies it. It is always a leaf; what is computed from it is a plain Tensor.
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        if keeps_blank(data):
            super().__init__(np.zeros((), data.dtype), requires_grad=requires_grad)
            self._array = data
        else:
            values = data.detach() if isinstance(data, tg.Tensor) else data  # a copy is asked for, not a gradient
            super().__init__(values, requires_grad=requires_grad)

    def cast_(self, dtype: Any) -> Self:
        """Change its dtype, and that of its gradient, in place: to optimisers it is the same parameter."""
        grad = self.grad
        self._array = cast(self._array, dtype)
        self.data = self._array  # told to graphs that saved the values
        self.grad = None if grad is None else grad.detach().to(dtype)
        return self

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class LoadResult(NamedTuple):
    """What `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"LoadResult(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Module:
    """A part of a network: subclass it, assign parameters and modules to attributes, and write `forward`.

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(784, 10)

            def forward(self, x):
                return self.fc(x.flatten(1))

    Call the module, not `forward`: a call makes Tensors of NumPy arrays among its arguments (sharing memory), runs the
    hooks, and notes the dotted name of the module, such as "features.0", on what is recorded. What the outermost module
    computes itself carries no name. Names of parameters and buffers are PyTorch's, in PyTorch's order.
    """

    training: bool = True
    # How many of the input's last axes are one sample, if the layer works on each apart; 0 if that is not known.
    sample_axes: int = 0
    # Class-wide and empty until something is registered on an instance, so that no __init__ is needed.
    _buffer_names: Mapping[str, bool] = MappingProxyType({})  # {name of a buffer: whether state_dict() holds it}
    _forward_hooks: Mapping[int, Hook] = MappingProxyType({})
    _forward_pre_hooks: Mapping[int, PreHook] = MappingProxyType({})
    _hooks_with_kwargs: frozenset[int] = frozenset()  # keys of those that are given keyword arguments as well
    _hooks_always: frozenset[int] = frozenset()  # keys of those that are called even if there is no output
    _backward_hooks: Mapping[int, BackwardHook] = MappingProxyType({})
    _backward_pre_hooks: Mapping[int, BackwardPreHook] = MappingProxyType({})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__}: has no forward method")

    # Calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output by `forward`; see the class."""
        names = NAMES.get()
        if names is not None:
            # A module that is no attribute of another counts as part of its caller: it has no name.
            with tg.named_scope(names.get(id(self)), self):
                return self._call(args, kwargs)
        NAMES.set(names_in(self))
        try:
            with tg.named_scope(None, self):
                return self._call(args, kwargs)
        finally:
            NAMES.set(None)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args = tuple([tg.from_numpy(arg) if isinstance(arg, np.ndarray) else arg for arg in args])
        if kwargs:
            kwargs = {name: tg.from_numpy(arg) if isinstance(arg, np.ndarray) else arg for name, arg in kwargs.items()}
        output, called = None, []  # called: keys of the forward hooks that were
        try:
            # The keys as they are now: a hook that another one removes is still called, with what it takes.
            with_kwargs = self._hooks_with_kwargs
            for key, pre_hook in self._forward_pre_hooks.items():
                if key in with_kwargs:
                    args, kwargs = self._changed(pre_hook(self, args, kwargs), args, kwargs)
                    continue
                changed = pre_hook(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
            watch = None
            if self._backward_hooks or self._backward_pre_hooks:
                watch = BackwardWatch(self, self._backward_pre_hooks, self._backward_hooks, len(args))
                args = watch.enter(args)
            output = self.forward(*args, **kwargs)
            with_kwargs = self._hooks_with_kwargs
            for key, hook in self._forward_hooks.items():
                called.append(key)
                changed = hook(self, args, kwargs, output) if key in with_kwargs else hook(self, args, output)
                if changed is not None:
                    output = changed
            if watch is not None:
                output = watch.leave(output)
        except Exception as error:
            if isinstance(error, tg.TensorgradError) and not hasattr(error, "__notes__"):
                name = (NAMES.get() or {}).get(id(self))
                place = f"module {name}, " if name else ""
                error.add_note(f"in {place}{type(self).__name__}({self.extra_repr()})")
            with_kwargs, always = self._hooks_with_kwargs, self._hooks_always
            for key, hook in self._forward_hooks.items():
                if key in always and key not in called:
                    self._call_in_spite_of(error, hook, (args, kwargs) if key in with_kwargs else (args,), output)
            raise
        return output

    def _changed(
        self, answer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments after a pre-hook that was given all of them."""
        if answer is None:
            return args, kwargs
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], dict):
            raise tg.DTypeError(
                f"{type(self).__name__}: a forward pre-hook with kwargs must return None or (args, kwargs), "
                f"got {answer!r}"
            )
        changed = answer[0] if isinstance(answer[0], tuple) else (answer[0],)
        return changed, answer[1]

    def _call_in_spite_of(self, error: Exception, hook: Hook, given: tuple[Any, ...], output: Any) -> None:
        """Call a hook that is to be called always; what it raises itself is noted on the error that is under way."""
        try:
            hook(self, *given, output)
        except Exception as other:
            error.add_note(f"and the forward hook {hook!r} raised {other!r}")

    def register_forward_pre_hook(
        self, hook: PreHook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> tg.RemovableHandle:
        """Call `hook(module, args)` before each forward; what it returns, if not None, are the arguments instead.

        With `prepend`, before the hooks that are there. With `with_kwargs`, `hook(module, args, kwargs)` is called, and
        returns None or both, `(args, kwargs)`.
        """
        return self._register("_forward_pre_hooks", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> tg.RemovableHandle:
        """Call `hook(module, args, output)` after each forward; what it returns, if not None, is the output instead.

        With `prepend`, before the hooks that are there. With `with_kwargs`, `hook(module, args, kwargs, output)` is
        called. With `always_call`, it is called also when forward or another hook raised an error, which then goes on;
        the output is None if there is none.
        """
        return self._register("_forward_hooks", hook, prepend, with_kwargs, always_call)

    def _register(
        self, attribute: str, hook: Hook, prepend: bool, with_kwargs: bool, always_call: bool = False
    ) -> tg.RemovableHandle:
        key, hooks = _next_key(), getattr(self, attribute)
        setattr(self, attribute, {key: hook, **hooks} if prepend else {**hooks, key: hook})
        if with_kwargs:
            self._hooks_with_kwargs |= {key}
        if always_call:
            self._hooks_always |= {key}
        return handle(self, attribute, key)

    def register_full_backward_pre_hook(self, hook: BackwardPreHook) -> tg.RemovableHandle:
        """Call `hook(module, grad_output)`, a tuple, in backward; what it returns, if not None, is used instead."""
        key = _next_key()
        self._backward_pre_hooks = {**self._backward_pre_hooks, key: hook}
        return handle(self, "_backward_pre_hooks", key)

    def register_full_backward_hook(self, hook: BackwardHook) -> tg.RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` in backward, when the gradients of all inputs are there.

        Both are tuples, with None for what has no gradient; only positional arguments count. What the hook returns, if
        not None, is passed on instead of `grad_input`.
        """
        key = _next_key()
        self._backward_hooks = {**self._backward_hooks, key: hook}
        return handle(self, "_backward_hooks", key)

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        for kind in (Parameter, Module):
            if isinstance(value, kind) and hasattr(Module, name):
                raise tg.ShapeError(
                    f"{type(self).__name__}.{name}: every module has a {name!r} of its own: choose another name for "
                    f"this {kind.__name__}"
                )
            if isinstance(held, kind) and value is not None and not isinstance(value, kind):
                raise tg.DTypeError(
                    f"{type(self).__name__}.{name}: holds a {kind.__name__}, and cannot be assigned a "
                    f"{type(value).__name__}: assign a {kind.__name__} or None"
                )
        if name in self._buffer_names and value is not None and not isinstance(value, tg.Tensor):
            raise tg.DTypeError(
                f"{type(self).__name__}.{name}: is a buffer, and cannot be assigned a {type(value).__name__}: "
                "assign a Tensor or None"
            )
        super().__setattr__(name, value)
        if isinstance(value, Module) or isinstance(held, Module):
            names_changed()

    def __delattr__(self, name: str) -> None:
        held = vars(self).get(name)
        super().__delattr__(name)
        if isinstance(held, Module):
            names_changed()

    def register_buffer(self, name: str, tensor: tg.Tensor | None, persistent: bool = True) -> None:
        """A tensor that belongs to the module but is not learned; `persistent` ones are part of `state_dict()`."""
        self._check_name("buffer", name)
        if tensor is not None and not isinstance(tensor, tg.Tensor):
            raise tg.DTypeError(f"register_buffer: {name!r} is a {type(tensor).__name__}, expected a Tensor or None")
        self._buffer_names = {**self._buffer_names, name: persistent}
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """The same as assigning to the attribute `name`."""
        self._check_name("parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise tg.DTypeError(
                f"register_parameter: {name!r} is a {type(param).__name__}, expected a Parameter or None"
            )
        setattr(self, name, param)

    def add_module(self, name: str, module: "Module | None") -> None:
        """The same as assigning to the attribute `name`, which may be a number such as "0"."""
        self._check_name("module", name)
        if module is not None and not isinstance(module, Module):
            raise tg.DTypeError(f"add_module: {name!r} is a {type(module).__name__}, expected a Module or None")
        setattr(self, name, module)

    def _check_name(self, what: str, name: Any) -> None:
        if not isinstance(name, str):
            raise tg.DTypeError(f"{type(self).__name__}: the name of a {what} must be a string, got {name!r}")
        if "." in name or not name:
            raise tg.ShapeError(
                f"{type(self).__name__}: the name of a {what} may not be empty or hold a dot, got {name!r}"
            )
        held = vars(self).get(name)
        if hasattr(type(self), name) or (held is not None and not isinstance(held, (tg.Tensor, Module))):
            raise tg.ShapeError(
                f"{type(self).__name__}: a {what} cannot be named {name!r}, which is an attribute already"
            )

    def _own(self, kind: type[T]) -> list[tuple[str, T]]:
        """The attributes of one kind, in the order in which they were first assigned."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, kind)]

    def _own_buffers(self, persistent_only: bool = False) -> list[tuple[str, tg.Tensor]]:
        names = [name for name, persistent in self._buffer_names.items() if persistent or not persistent_only]
        return [(name, tensor) for name in names if (tensor := vars(self).get(name)) is not None]

    # Finding what is inside

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, "Module"]]:
        """This module, named "" (or `prefix`), and all inside by dotted names; one used in two places comes once."""
        seen: set[int] = set()
        waiting = [(prefix, self)]  # a stack, not a recursive closure: that would be a reference cycle at every call
        while waiting:
            name, module = waiting.pop()
            if not remove_duplicate or id(module) not in seen:
                seen.add(id(module))
                yield name, module
                waiting.extend(reversed([(_join(name, key), child) for key, child in module._own(Module)]))

    def modules(self) -> Iterator["Module"]:
        """This module and all inside, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """The modules directly inside, by name, each once."""
        return _once(iter(self._own(Module)))

    def children(self) -> Iterator["Module"]:
        """The modules directly inside, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters by dotted names, those of inner modules too if `recurse`; a shared one comes once."""
        found = (
            (_join(name, key), parameter)
            for name, module in self._holders(prefix, recurse, remove_duplicate)
            for key, parameter in module._own(Parameter)
        )
        return _once(found) if remove_duplicate else found

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once, as an optimiser takes them."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, tg.Tensor]]:
        """All buffers by dotted names, such as the running statistics of batch norm."""
        found = (
            (_join(name, key), buffer)
            for name, module in self._holders(prefix, recurse, remove_duplicate)
            for key, buffer in module._own_buffers()
        )
        return _once(found) if remove_duplicate else found

    def buffers(self, recurse: bool = True) -> Iterator[tg.Tensor]:
        """All buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _holders(self, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, "Module"]]:
        return self.named_modules(prefix, remove_duplicate) if recurse else iter([(prefix, self)])

    def get_submodule(self, target: str) -> "Module":
        """The module with a dotted name, as `named_modules` gives it."""
        module: Any = self
        for key in target.split(".") if target else ():
            module = vars(module).get(key)
            if not isinstance(module, Module):
                raise AttributeError(f"get_submodule: {type(self).__name__} has no module {target!r}")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name, as `named_parameters` gives it."""
        place, _, key = target.rpartition(".")
        parameter = vars(self.get_submodule(place)).get(key)
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"get_parameter: {type(self).__name__} has no parameter {target!r}")
        return parameter

    def get_buffer(self, target: str) -> tg.Tensor:
        """The buffer with a dotted name, as `named_buffers` gives it."""
        place, _, key = target.rpartition(".")
        buffers = dict(self.get_submodule(place)._own_buffers())
        if key not in buffers:
            raise AttributeError(f"get_buffer: {type(self).__name__} has no buffer {target!r}")
        return buffers[key]

    # Doing something with all of it

    def apply(self, fn: Callable[["Module"], object]) -> Self:
        """Call `fn` on every module inside, then on this one; returns the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode, in which dropout drops and batch norm uses the batch, on every module; returns it."""
        if not isinstance(mode, bool):
            raise tg.DTypeError(f"train: mode must be a bool, got {type(mode).__name__}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode on every module; returns the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze (False) or unfreeze every parameter; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def to(self, *target: Any, dtype: Any = None, device: Any = None) -> Self:
        """Cast all parameters and all buffers of floats to a float dtype; the parameters stay the same objects.

        A device may be given, before the dtype or alone, as for a tensor: there is only "cpu".
        """
        # Tensors of two dtypes become of one if a dtype is among what is given, else they stay what they are.
        found = {tg.zeros(0, dtype=d).to(*target, dtype=dtype, device=device).dtype for d in (tg.float32, tg.float64)}
        if len(found) > 1:
            return self
        (dtype,) = found
        if dtype.kind != "f":
            raise tg.DTypeError(f"{type(self).__name__}.to: parameters are floats, dtype {dtype} is none")
        for parameter in self.parameters():
            parameter.cast_(dtype)
        for module in self.modules():
            for name, buffer in module._own_buffers():
                if buffer.dtype.kind == "f":
                    setattr(module, name, buffer.detach().to(dtype))
        return self

    def float(self) -> Self:
        """Cast to float32; see `to`."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Cast to float64; see `to`."""
        return self.to(np.float64)

    def half(self) -> Self:
        """Cast to float16; see `to`."""
        return self.to(np.float16)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the parameters' gradients, or fill them with zeros."""
        for parameter in self.parameters():
            zero_grad(parameter, set_to_none)

    # State

    def state_dict(self, *, prefix: str = "") -> dict[str, tg.Tensor]:
        """Parameters and persistent buffers by dotted names, in PyTorch's order.

        The tensors share memory with the module: they change as it learns. `copy.deepcopy` them for a snapshot.
        """
        return {prefix + name: tensor.detach() for name, tensor in self._state()}

    def _state(self) -> Iterator[tuple[str, tg.Tensor]]:
        for name, module in self.named_modules(remove_duplicate=False):
            for key, tensor in [*module._own(Parameter), *module._own_buffers(persistent_only=True)]:
                yield _join(name, key), tensor

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy parameters and buffers from what `state_dict()` of such a module gave, tensors or arrays by name.

        Everything is checked before the first value is copied. Raises StateError, with one line for each thing that is
        wrong: names that are missing or unexpected (not if `strict` is False), shapes that differ, and dtypes that
        would lose digits or change kind. Returns the names that were passed over.
        """
        own = dict(self._state())
        given = {
            name: value.data if isinstance(value, tg.Tensor) else np.asarray(value)
            for name, value in state_dict.items()
        }
        result = LoadResult([name for name in own if name not in given], [name for name in given if name not in own])
        faults = []
        if strict and result.missing_keys:
            faults.append(f"missing: {_listed(result.missing_keys)}")
        if strict and result.unexpected_keys:
            faults.append(f"unexpected: {_listed(result.unexpected_keys)}")
        differing = []
        shared = [name for name in own if name in given]
        for name in shared:
            held, value = own[name], given[name]
            if held.shape != value.shape:
                differing.append(f"{name}: has shape {value.shape}, the module takes {held.shape}")
            elif held.dtype.kind != value.dtype.kind or not np.can_cast(value.dtype, held.dtype):
                differing.append(f"{name}: has dtype {value.dtype}, the module takes {held.dtype}")
        faults += differing[:20]
        if len(differing) > 20:
            faults.append(f"and {len(differing) - 20} more that differ in shape or dtype")
        if faults:
            raise StateError(
                f"{type(self).__name__}.load_state_dict: the state does not fit:\n  " + "\n  ".join(faults)
            )
        with tg.no_grad():
            for name in shared:
                if is_blank(own[name]):
                    own[name].data = np.array(given[name], own[name].dtype)
                else:
                    own[name].copy_(given[name])
        return result

    # Showing

    def draw(
        self, x: Any, target: Any = None, *inputs: Any, loss: Callable[..., Any] | None = None, **named: Any
    ) -> "tg.viz.GraphView":
        """Run the module once, recorded, and return the graph, to be shown or saved: `net.draw(x).save("net.svg")`.

        With a `target` or a `loss` function the pass goes on to `loss(output, target)`, or `loss(output)`, and back;
        the loss is cross-entropy for a target of labels, the mean squared error for one of numbers, unless given.
        Further inputs of `forward` come after the target (None for no target), or by name.

        It runs as the module is now, in training or evaluation mode. Its forward hooks, which are yours, are called
        once, and with a target or a loss its backward hooks too. Modes, hooks, attributes, buffers, every `.grad` and
        random generators are left as they were, and so are the members of attributes that are lists, dictionaries, sets
        or deques, but not what is inside of those; no activation is kept.
        """
        return draw(self, (x, *inputs), named, target, loss)

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses: the hyper-parameters, on one line."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._own(Module)]
        inside = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({inside})"
        return "\n  ".join([f"{type(self).__name__}(", *([inside] if inside else []), *lines]) + "\n)"


def zero_grad(parameter: tg.Tensor, set_to_none: bool = True) -> None:
    """Drop a parameter's gradient, or fill it with zeros."""
    if set_to_none:
        parameter.grad = None
    elif parameter.grad is not None:
        with tg.no_grad():
            parameter.grad.detach().zero_()


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _once(found: Iterator[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Each object under the first of its names."""
    seen: set[int] = set()
    for name, value in found:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
