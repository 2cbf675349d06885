import { expect, test } from "vitest";
import { person } from "./who";

test("people by their name, others with what they are", () => {
  expect(["user:anna", "token:ci", "local:root", "destination:hq", "system", "", null].map(person)).toEqual([
    "anna",
    "ci (token)",
    "root (at the machine)",
    "hq (destination)",
    "system",
    "–",
    "–",
  ]);
});
