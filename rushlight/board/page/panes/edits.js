// The changes of a window that the server logs and sends: the same as rushlight/board/panes/edits.py makes.
export function apply(pane, edits) {
  for (const [how, path, value] of edits) {
    let place = pane;
    for (const step of path.slice(0, -1)) place = place[step];
    const last = path[path.length - 1];
    if (how === "set") place[last] = value;
    else if (how === "remove") Array.isArray(place) ? place.splice(last, 1) : delete place[last];
    else if (Array.isArray(place[last])) for (const each of value) place[last].push(each);
    else place[last] += value;
  }
}
