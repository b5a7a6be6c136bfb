const $ = (id) => document.getElementById(id);

/** Say at the top of the page how it stands with the server. Nothing is read aloud twice. */
export function tell(state, text) {
  $("state").dataset.state = state;
  if ($("state").textContent !== text) $("state").textContent = text;
}

/** Say what is wrong, and what to do; "" for nothing. */
export function complain(text) {
  if ($("problem").textContent !== text) $("problem").textContent = text;
  $("problem").hidden = !text;
}
