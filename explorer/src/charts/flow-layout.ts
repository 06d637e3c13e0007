/** Where the nodes of a tree of flows are drawn: columns by depth, heights by sessions. */

import { group } from "d3-array";
import type { Answer } from "../api.ts";

export type FlowNode = Answer<":flows">["nodes"][number];

export interface Drawn {
  readonly node: FlowNode;
  /** Pixels from the top. */
  readonly y: number;
  readonly height: number;
  readonly parent: Drawn | undefined;
  /** Where the band from the parent begins, in pixels from the top. */
  readonly from: number;
}

const LEAST_HEIGHT = 3;
const LABEL_HEIGHT = 17;

/** Lays out the largest nodes, at most `most` of them, for a root of `height` pixels. */
export function layOut(nodes: readonly FlowNode[], height: number, most: number): Drawn[] {
  const largest = [...nodes].sort((a, b) => b.sessions - a.sessions).slice(0, most);
  const shown = new Set(largest.map(({ node_id }) => node_id));
  const scale = height / Math.max(nodes[0]?.sessions ?? 0, 1);
  const drawn = new Map<number, Drawn>();
  const filled: number[] = []; // of each column, how far down it is taken
  const begun = new Map<number, number>(); // of each node, how much of its side has bands
  // Depth first, so that a column has the children of one node beside each other.
  for (const node of depthFirst(nodes)) {
    if (!shown.has(node.node_id)) continue;
    const parent = node.parent_id === undefined ? undefined : drawn.get(node.parent_id);
    const size = Math.max(node.sessions * scale, LEAST_HEIGHT);
    const taken = parent ? (begun.get(parent.node.node_id) ?? 0) : 0;
    const y = Math.max(filled[node.depth] ?? 0, parent?.y ?? 0);
    if (parent) begun.set(parent.node.node_id, taken + node.sessions * scale);
    filled[node.depth] = y + Math.max(size, LABEL_HEIGHT) + 4;
    drawn.set(node.node_id, { node, y, height: size, parent, from: (parent?.y ?? 0) + taken });
  }
  return [...drawn.values()];
}

function* depthFirst(nodes: readonly FlowNode[]): Generator<FlowNode> {
  const children = group(nodes, ({ parent_id }) => parent_id);
  const open = [...(children.get(undefined) ?? [])];
  for (let node = open.pop(); node; node = open.pop()) {
    yield node;
    open.push(...(children.get(node.node_id) ?? []).toReversed());
  }
}
