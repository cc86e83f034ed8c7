"""The cases, a module for each subject."""

import pkgutil
from importlib import import_module

from attacks.table import CASES

__all__ = ["CASES"]

for module in pkgutil.iter_modules(__path__):
    import_module(f"attacks.cases.{module.name}")
