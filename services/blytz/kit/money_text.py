"""Money for people: `$1,234.50`. Only the terminal formats money; everywhere else it is whole minor units."""

from typing import Final

SYMBOLS: Final = {
    "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "KRW": "₩", "INR": "₹", "VND": "₫",
    "AUD": "A$", "CAD": "CA$", "NZD": "NZ$", "BRL": "R$", "MXN": "MX$", "PHP": "₱", "ILS": "₪",
}  # fmt: skip
WHOLE: Final = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())  # noqa: SIM905
THOUSANDTHS: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905
"""ISO 4217: currencies whose minor unit is not a hundredth."""


def money(amount: int, currency: str) -> str:
    """`amount` in minor units; a currency without a symbol of its own shows its code."""
    decimals = 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2
    whole, rest = divmod(amount, 10**decimals)
    number = f"{whole:,}.{rest:0{decimals}}" if decimals else f"{whole:,}"
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{number}" if symbol else f"{currency} {number}"
