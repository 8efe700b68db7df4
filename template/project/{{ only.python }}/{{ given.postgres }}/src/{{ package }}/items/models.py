"""The table."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from ..platform.postgres import Base


class Item(Base):
    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 100", "name"),
        CheckConstraint("quantity BETWEEN 0 AND 1000000", "quantity"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    quantity: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
