import { expect, test } from "vitest";
import { fileName } from "./drafts";

test("a file is named as a connection may be named", () => {
  expect(fileName("connections", "Line 1")).toBe("connections/line-1.toml");
  expect(fileName("connections", "  PM5310 / Halle Süd ")).toBe("connections/pm5310-halle-su-d.toml");
  expect(fileName("types", "Steam Boiler")).toBe("types/Steam-Boiler.toml");
  expect(fileName("assets", "…")).toBe("");
  expect(fileName("assets", "x".repeat(90))).toBe(`assets/${"x".repeat(64)}.toml`);
});
