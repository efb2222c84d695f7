"""What crosses the border about accounts."""

from pydantic import BaseModel, Field


class SignUp(BaseModel):
    """A new person and their business."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=1000)
    name: str = Field(max_length=100)
    business_name: str = Field(max_length=100)
    language: str = Field(default="id", pattern="^(id|en)$")
