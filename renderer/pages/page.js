/* What the pages about a mosaic share: their data, and the commands that can be copied from them. */

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);

/* Quotes a file name for a shell, and keeps it from being taken for an option. */
function quoted(name) {
  const safe = name.startsWith("-") ? `./${name}` : name;
  return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}

/* Shows the commands that replace the photo of a cell, at "COLUMN,ROW", and that remove a photo, by its file name. */
function showCommands(at, file) {
  const { swap, ban } = data.commands;
  const texts = { swap: swap && at && swap.join(at), ban: ban && file && ban.join(quoted(file)) };
  for (const [id, text] of Object.entries(texts)) {
    byId(id).textContent = text || "";
    byId(id).parentNode.hidden = !text;
  }
  byId("map-hint").textContent = [
    swap && at ? "Replace PHOTO with the path or name of another photo." : "",
    swap && (at || file) && !data.saved ? `Save the mosaic as ${data.map} first.` : "",
  ].join(" ").trim();
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const code = byId(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch { // the browser does not permit it: copy a selection instead
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

