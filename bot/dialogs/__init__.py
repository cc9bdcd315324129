"""The dialogs, found by being there: each module of this folder holds one subclass of `Dialog`.

The rule: dialogs know nothing of each other; a button names another by `dialog.event` and triage finds it here.
"""

from importlib import import_module
from pkgutil import iter_modules

from bot.dialog import Dialog

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

ALL: dict[str, type[Dialog]] = {dialog.name: dialog for dialog in Dialog.__subclasses__()}
