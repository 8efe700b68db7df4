"""The routes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ..platform.postgres import Session
from .models import Item

MAX_ID = 2**63 - 1


def digits(text: str) -> str:
    """The text, which is nothing but digits: Pydantic takes "1.0" and "1_0" for an int, too."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("expected digits")
    return text


Number = Annotated[int, BeforeValidator(digits)]

router = APIRouter(prefix="/items", tags=["items"])


class NewItem(BaseModel):
    name: str = Field(min_length=1, max_length=100, pattern=r"^\P{Cc}*$")  # no control characters
    quantity: int = Field(strict=True, ge=0, le=1_000_000)


class ItemRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    quantity: int
    created_at: datetime


class Page(BaseModel):
    items: list[ItemRead]
    next: str | None


@router.post("", status_code=201, response_model=ItemRead)
async def add_item(new: NewItem, session: Session, response: Response) -> Item:
    item = Item(**new.model_dump())
    session.add(item)
    try:
        await session.flush()
    except IntegrityError as error:
        raise HTTPException(409, "There is an item of this name.") from error
    response.headers["Location"] = f"/items/{item.id}"
    return item


@router.get("/{id}", response_model=ItemRead)
async def get_item(item_id: Annotated[Number, Path(alias="id", ge=1, le=MAX_ID)], session: Session) -> Item:
    item = await session.get(Item, item_id)
    if item is None:
        raise HTTPException(404)
    return item


@router.get("")
async def list_items(
    session: Session,
    limit: Annotated[Number, Query(ge=1, le=100)] = 20,
    cursor: Annotated[Number, Query(ge=1, le=MAX_ID)] = MAX_ID,
) -> Page:
    """The newest first. `next` is the cursor of the next page."""
    query = select(Item).where(Item.id < cursor).order_by(Item.id.desc()).limit(limit + 1)
    items: Sequence[Item] = (await session.scalars(query)).all()
    page = [ItemRead.model_validate(item) for item in items[:limit]]
    return Page(items=page, next=str(page[-1].id) if len(items) > limit else None)
