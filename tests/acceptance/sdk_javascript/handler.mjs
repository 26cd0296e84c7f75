// The smallest function for an event source mapping: it adds the ids of its records to a file.
import { appendFileSync, readFileSync } from "node:fs";

const event = JSON.parse(readFileSync(0, "utf8"));
if (event.fail) throw new RangeError("asked to fail");
if (event.Records) {
  appendFileSync(process.argv[2], event.Records.map((record) => record.eventID + "\n").join(""));
  console.log("null");
} else {
  console.log(JSON.stringify({ echo: event }));
}
