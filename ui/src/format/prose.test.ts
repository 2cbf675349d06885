import { expect, test } from "vitest";
import { proseParts } from "./prose";

const shown = (text: string) => proseParts(text).map((p) => (p.code ? `<${p.text}>` : p.text)).join("");

test("what stands between backticks is code", () => {
  expect(shown("a longer `timeout` helps: `ironbridge check`")).toBe("a longer <timeout> helps: <ironbridge check>");
  expect(shown("`a``b`")).toBe("<a><b>");
  expect(shown("no code")).toBe("no code");
  expect(shown("")).toBe("");
});

test("nothing is lost of what has no partner", () => {
  expect(shown("one ` alone")).toBe("one ` alone");
  expect(shown("`a` and ` b")).toBe("<a> and ` b");
  expect(shown("``")).toBe("``");
});
