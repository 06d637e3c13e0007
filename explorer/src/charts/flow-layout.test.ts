import { expect, test } from "vitest";
import { type FlowNode, layOut } from "./flow-layout.ts";

function node(node_id: number, parent_id: number | undefined, depth: number, sessions: number) {
  const rest = { ended: 0, truncated: 0, other: 0, cell: "" };
  return { node_id, depth, sessions, ...rest, ...(parent_id !== undefined && { parent_id }) };
}

const TREE: FlowNode[] = [
  node(0, undefined, 0, 100),
  node(1, 0, 1, 60),
  node(2, 0, 1, 40),
  node(3, 1, 2, 10),
  node(4, 2, 2, 30),
];

test("heights are as sessions, and no two nodes of a column overlap", () => {
  const drawn = layOut(TREE, 200, 10);
  expect(drawn.map(({ node, height }) => height / node.sessions)).toEqual([2, 2, 2, 2, 2]);
  for (const depth of [1, 2]) {
    const [first, second] = drawn.filter(({ node }) => node.depth === depth);
    expect(second?.y).toBeGreaterThanOrEqual((first?.y ?? 0) + (first?.height ?? 0));
  }
});

test("bands leave their parent one below the other", () => {
  const drawn = layOut(TREE, 200, 10);
  const [first, second] = drawn.filter(({ node }) => node.depth === 1);
  expect([first?.from, second?.from]).toEqual([0, 120]);
});

test("the largest are drawn, with those that they come from", () => {
  const drawn = layOut(TREE, 200, 3);
  expect(drawn.map(({ node }) => node.node_id)).toEqual([0, 1, 2]);
});
