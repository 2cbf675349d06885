import { expect, it } from "vitest";
import { ways } from "./ways";

it("what is offered has its address, what is not says what to write", () => {
  const all = ways(["http://127.0.0.1:8080", "postgresql://127.0.0.1:5432/ironbridge"], "http://127.0.0.1:8080");
  const of = (name: string) => all.find((w) => w.name === name);
  expect(of("SQL (PostgreSQL)")?.address).toBe("postgresql://127.0.0.1:5432/ironbridge");
  expect(of("OPC UA")).toMatchObject({ address: "", off: "[serve.opcua]" });
  expect(of("Tables")?.address).toBe("http://127.0.0.1:8080/api/range?points=PATTERN&format=csv");
});
