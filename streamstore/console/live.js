// Puts the records of the page's stream into its list as they are committed, the newest first.
// The browser goes on by itself, from the last record that it has, when the connection was lost.
"use strict";

const ROWS_MAX = 200;

function shown(record) {
  const change = record.dynamodb;
  const row = document.createElement("li");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const name = document.createElement("b");
  name.textContent = record.eventName;
  const keys = document.createElement("code");
  keys.textContent = JSON.stringify(change.Keys);
  const whole = document.createElement("pre");
  whole.textContent = JSON.stringify(record, null, 1);
  summary.append(name, " ", keys, " ", record.ShardId);
  details.append(summary, whole);
  row.append(details);
  return row;
}

function follow(list, told) {
  const source = new EventSource(list.dataset.source);
  source.onopen = () => { told.textContent = "live"; };
  source.onmessage = (event) => {
    list.prepend(shown(JSON.parse(event.data)));
    while (list.children.length > ROWS_MAX) list.lastElementChild.remove();
  };
  source.addEventListener("end", () => {
    source.close();
    told.textContent = "the stream was disabled, and this is all of it";
  });
  source.addEventListener("error", (event) => {
    if (event.data) {  // the server's own word; a lost connection comes back by itself
      source.close();
      told.textContent = JSON.parse(event.data).message || "ended";
    } else {
      told.textContent = "the connection was lost; trying again";
    }
  });
}

const list = document.getElementById("records");
if (list) follow(list, document.getElementById("state"));
