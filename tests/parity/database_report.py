"""The table of what the comparison with PyTorch's database of operations tried; it needs no PyTorch."""

from collections import Counter
from pathlib import Path

FILE = Path("runs/parity-database.md")
COLUMNS = ("values", "gradients", "second order", "forms", "refused", "differs", "not held", "unanswered", "faults")


def write(reports):
    """Write the table of the tests that tell, by the property "database", what they tried. The line to print, or None.

    A test's samples run again as a slow test count once: the run that took more of them counts.
    """
    found, missing, told = {}, [], {}
    for report in reports:
        properties = dict(report.user_properties)
        missing = properties.get("missing", missing)
        ran = properties.get("database")
        if ran:
            key = ran["entry"], ran["dtype"].removeprefix("torch.")
            if key not in found or ran["ran"] > found[key]["ran"]:
                found[key] = ran
    if not found:
        return None
    by_entry, total = {}, Counter()
    for (entry, dtype), ran in sorted(found.items()):
        counts = by_entry.setdefault(entry, Counter())
        counts.update({"ran": ran["ran"], "of": ran["of"]})
        counts.update(ran["outcomes"])
        for why, times in ran["told"].items():
            told.setdefault(entry, {}).setdefault(why, Counter())[dtype] += times
    for counts in by_entry.values():
        total.update(counts)
    lines = [
        "# Sample calls of PyTorch's database of operations",
        "",
        f"{len(by_entry)} of its entries, {len(missing)} that are not here. Of a call the values are compared, then "
        "the gradients, then the second order, where it has them; `forms` are shapes and dtypes of what is drawn.",
        "",
        "| entry | samples | run | " + " | ".join(COLUMNS) + " |",
        "| --- |" + " --: |" * (len(COLUMNS) + 2),
    ]
    for entry, counts in [*by_entry.items(), ("**all**", total)]:
        cells = [counts["of"], counts["ran"], *[counts[column] for column in COLUMNS]]
        lines.append(f"| {entry} | " + " | ".join(f"{cell:,}" if cell else "" for cell in cells) + " |")
    lines += ["", "## Why not", ""]
    for entry, reasons in told.items():
        for why, times in reasons.items():
            lines.append(f"- {entry} ({', '.join(f'{dtype} {n}' for dtype, n in times.items())}): {why}")
    lines += ["", "## Not here", "", ", ".join(missing) or "(not asked in this run)", ""]
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("\n".join(lines))
    counted = ", ".join(f"{name} {total[name]:,}" for name in COLUMNS if total[name])
    return f"{FILE}: {len(by_entry)} entries, {total['ran']:,} of {total['of']:,} samples; {counted}"
