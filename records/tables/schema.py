"""The one schema all tables belong to. Primary keys are named as Prisma names them."""

from sqlalchemy import MetaData

METADATA = MetaData(naming_convention={"pk": "%(table_name)s_pkey"})
