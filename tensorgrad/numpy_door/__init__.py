from .dispatch import array_function as array_function
from .ufuncs import array_ufunc as array_ufunc
