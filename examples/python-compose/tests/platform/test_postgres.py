import asyncio
import ssl

import pytest
from sqlalchemy import text

from orders.platform.migrate import upgrade
from orders.platform.postgres import Address, Database, UnavailableError


def test_an_address_is_read() -> None:
    address = Address.parse("postgres://o%40k@db.internal/app")
    assert (address.host, address.port, address.user, address.database) == ("db.internal", 5432, "o@k", "app")
    assert address.ssl == "prefer"


@pytest.mark.parametrize(
    ("mode", "verify", "name"),
    [
        ("require", ssl.CERT_NONE, False),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("verify-full", ssl.CERT_REQUIRED, True),
    ],
)
def test_sslmode_means_what_it_means_to_libpq(mode: str, verify: ssl.VerifyMode, name: bool) -> None:
    context = Address.parse(f"postgresql://app@db/app?sslmode={mode}").ssl
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (verify, name)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://app@db/app", "postgresql://"),
        ("postgresql+asyncpg://app@db/app", "postgresql://"),
        ("postgresql://db/app", "postgresql://"),
        ("postgresql://app@db", "postgresql://"),
        ("postgresql://app@db:s3cret/app", "postgresql://"),
        ("postgresql://app:s3cret@db/app", "DATABASE_PASSWORD_FILE"),
        ("postgresql://app@db/app?password=s3cret", "DATABASE_PASSWORD_FILE"),
        ("postgresql://app@db/app?sslmode=s3cret", "verify-full"),
        ("postgresql://app@db/app?target_session_attrs=s3cret", "no parameters but"),
        ("postgresql://app@db/app?sslmode=verify-ca&sslrootcert=/s3cret", "PEM"),
        ("postgresql://app@db/app?sslrootcert=/s3cret", "with sslmode"),
    ],
)
def test_another_address_is_refused_without_a_word_of_it(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as error:
        Address.parse(url)
    assert "s3cret" not in str(error.value)


@pytest.mark.integration
def test_migrations_that_are_there_are_not_applied_again(database: Database) -> None:
    async def again() -> int:
        try:
            return await upgrade(database)
        finally:
            await database.close()

    assert asyncio.run(again()) == 0


@pytest.mark.integration
def test_a_statement_that_the_server_ends_is_no_fault_of_ours(database: Database) -> None:
    async def wait() -> None:
        try:
            async with database.sessions.begin() as session:
                await session.execute(text("SET LOCAL statement_timeout = 50"))
                await session.execute(text("SELECT pg_sleep(5)"))
        finally:
            await database.close()

    with pytest.raises(UnavailableError):
        asyncio.run(wait())
