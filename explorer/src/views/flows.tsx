import type { Answer, Query } from "../api.ts";
import { FlowTree } from "../charts/flow-tree.tsx";
import { useExplorer } from "../context.ts";
import { Empty, Loaded, useAnswer } from "../request.tsx";
import { Choice } from "../shared/choice.tsx";
import { useSteps } from "../shared/completion.ts";
import { ExpressionBox } from "../shared/expression-box.tsx";
import { itemName } from "../shared/items.tsx";
import { Pick } from "../shared/pick.tsx";
import { Charted, Table } from "../shared/table.tsx";

type Flows = Answer<":flows">;
type Node = Flows["nodes"][number];

const DEPTHS = { "2": "2 steps", "3": "3 steps", "4": "4 steps", "6": "6 steps" };
const WIDTHS = { "3": "3", "5": "5", "10": "10", "20": "20" };

/** What sessions did next, or before, as a tree. */
export function FlowsView() {
  const { selection, param, change } = useExplorer();
  const anchor = param("anchor");
  const [depth, width] = [param("depth", "3"), param("width", "5")];
  const items = param("items", "pages");
  const direction = param("direction", "next");
  const request = useAnswer(":flows", {
    ...selection,
    depth: Number(depth),
    width: Number(width),
    items: items as NonNullable<Query<":flows">["items"]>,
    ...(anchor && { anchor, direction: direction as NonNullable<Query<":flows">["direction"]> }),
  });
  const { problem } = request;
  return (
    <>
      <h1>Flows</h1>
      <section class="panel" aria-label="Flows">
        <div class="bar">
          <ExpressionBox
            label="From"
            parameter="journey"
            value={anchor}
            starts={useSteps()}
            placeholder="the beginning of the session"
            problem={problem?.field === "anchor" ? problem : undefined}
            onCommit={(text) => change({ anchor: text || null })}
          />
          {anchor && (
            <Choice
              label="Direction"
              value={direction}
              options={{ next: "what came next", previous: "what came before" }}
              onChoose={(value) => change({ direction: value })}
            />
          )}
          <Choice
            label="Follow"
            value={items}
            options={{ pages: "pages", events: "custom events", both: "both" }}
            onChoose={(value) => change({ items: value })}
          />
          <Choice
            label="For"
            value={depth}
            options={DEPTHS}
            onChoose={(value) => change({ depth: value })}
          />
          <Choice
            label="At most"
            value={width}
            options={WIDTHS}
            onChoose={(value) => change({ width: value })}
          />
        </div>
        <Loaded request={request}>
          {({ nodes }) => (nodes[0]?.sessions ? <Tree nodes={nodes} /> : <Empty />)}
        </Loaded>
      </section>
    </>
  );
}

const NEXT = {
  title: "What sessions did next",
  on: "went on",
  ended: "ended",
  column: "Ended",
  truncated: "went on, deeper than shown",
  other: "went on elsewhere",
};
type Words = typeof NEXT;
const PREVIOUS: Words = {
  title: "What sessions did before",
  on: "came from further back",
  ended: "began",
  column: "Began",
  truncated: "came from further back than shown",
  other: "came from elsewhere",
};

function Tree({ nodes }: { nodes: readonly Node[] }) {
  const { listOf, param } = useExplorer();
  const anchor = param("anchor");
  const isBack = anchor !== "" && param("direction") === "previous";
  const words = isBack ? PREVIOUS : NEXT;
  const nameOf = (node: Node) => (node.item ? itemName(node.item) : anchor || "All sessions");
  /** The run that the node stands for, in the order in which it was done. */
  const pathOf = (node: Node): string => {
    const parent = nodes.find(({ node_id }) => node_id === node.parent_id);
    if (!parent || !(parent.item || anchor)) return nameOf(node);
    const run = [pathOf(parent), nameOf(node)];
    return (isBack ? run.reverse() : run).join(" → ");
  };
  return (
    <Charted table={<NodeTable words={words} nodes={nodes} nameOf={nameOf} pathOf={pathOf} />}>
      <p class="legend">
        <span class="on">{words.on}</span> <span class="ended">{words.ended} here</span>{" "}
        <span class="rest">deeper, or rarer than shown</span>
      </p>
      <FlowTree
        title={words.title}
        ended={words.ended}
        nodes={nodes}
        nameOf={nameOf}
        hrefOf={(node) => listOf({ cell: node.cell }, pathOf(node))}
      />
    </Charted>
  );
}

interface NodeTableProps {
  words: Words;
  nodes: readonly Node[];
  nameOf: (node: Node) => string;
  pathOf: (node: Node) => string;
}

function NodeTable({ words, nodes, nameOf, pathOf }: NodeTableProps) {
  return (
    <Table
      caption={words.title}
      head={["Item", "Sessions", words.column, "Deeper", "Elsewhere"]}
      rows={nodes.map((node) => [
        <span key="item" style={{ paddingInlineStart: `${node.depth * 1.2}rem` }}>
          {nameOf(node)}
        </span>,
        <Pick key="sessions" of={node.sessions} row={{ cell: node.cell }} label={pathOf(node)} />,
        ...(["ended", "truncated", "other"] as const).map((part) => (
          <Pick
            key={part}
            of={node[part]}
            row={{ cell: `${node.cell}.${part}` }}
            label={`${pathOf(node)}, ${words[part]}`}
          />
        )),
      ])}
    />
  );
}
