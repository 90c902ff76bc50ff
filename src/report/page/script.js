// Tables are sorted by a click on a heading; without this script they stay as they are.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const column = heading.cellIndex, isNumber = heading.classList.contains("number");
      // What is not known stays last, whichever way.
      const key = (row) => {
        const cell = row.cells[column];
        if (!cell) return null;
        if (isNumber) return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
        return cell.textContent;
      };
      const compare = (a, b) => (isNumber ? a - b : a.localeCompare(b, undefined, { numeric: true }));
      const rows = [...body.rows].map((row) => ({ row, key: key(row) }));
      rows.sort((a, b) => {
        if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
        return ascending ? compare(a.key, b.key) : compare(b.key, a.key);
      });
      body.append(...rows.map((entry) => entry.row));
    });
  }
}
