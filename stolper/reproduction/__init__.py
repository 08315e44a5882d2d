"""What exported reproductions call: a browser, with a recorder and rules of its own beside it."""

from stolper.reproduction.judging import told
from stolper.reproduction.values import masked
from stolper.reproduction.visit import CannotFollow, StillBroken, Visit, reproduced

__all__ = ["CannotFollow", "StillBroken", "Visit", "masked", "reproduced", "told"]
