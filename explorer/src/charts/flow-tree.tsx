import { linkHorizontal } from "d3-shape";
import { count } from "../format.ts";
import { useRoving } from "../shared/roving.ts";
import { useWidth } from "../shared/width.ts";
import { type Drawn, type FlowNode, layOut } from "./flow-layout.ts";

const HEIGHT = 300;
const NODE_WIDTH = 10;
const LEAST_COLUMN = 150;
const MOST = 40;

/** A tree of flows as bands from each node to what came next, or before. */
export function FlowTree({
  title,
  ended,
  nodes,
  nameOf,
  hrefOf,
}: {
  title: string;
  /** What sessions did that have no further node, in a word. */
  ended: string;
  nodes: readonly FlowNode[];
  nameOf: (node: FlowNode) => string;
  hrefOf: (node: FlowNode) => string;
}) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const drawn = layOut(nodes, HEIGHT, MOST);
  const { onKeyDown, stop } = useRoving(drawn.length);
  const columns = Math.max(0, ...drawn.map(({ node }) => node.depth)) + 1;
  const column = Math.max(LEAST_COLUMN, width / columns);
  const height = Math.max(HEIGHT, ...drawn.map(({ y, height }) => y + height + 12));
  const x = (depth: number) => depth * column;
  return (
    <div class="flows" ref={ref}>
      <svg width={column * columns} height={height} onKeyDown={onKeyDown}>
        <title>{title}</title>
        {drawn.map((each) => (
          <path
            key={each.node.node_id}
            class="band"
            d={bandOf(each, x) ?? ""}
            stroke-width={each.height}
          />
        ))}
        {drawn.map((each, index) => {
          const { node, y } = each;
          return (
            <a
              key={node.node_id}
              href={hrefOf(node)}
              {...stop(index)}
              aria-label={`${nameOf(node)}: ${count(node.sessions)} sessions, ${count(node.ended)} ${ended}`}
            >
              <Parts drawn={each} x={x(node.depth)} />
              <text x={x(node.depth) + NODE_WIDTH + 6} y={y + 12}>
                {shortened(nameOf(node), column)}
                <tspan class="figure"> {count(node.sessions)}</tspan>
              </text>
            </a>
          );
        })}
      </svg>
    </div>
  );
}

const link = linkHorizontal<
  { source: [number, number]; target: [number, number] },
  [number, number]
>();

function bandOf({ node, y, height, from, parent }: Drawn, x: (depth: number) => number) {
  if (!parent) return null;
  return link({
    source: [x(parent.node.depth) + NODE_WIDTH, from + height / 2],
    target: [x(node.depth), y + height / 2],
  });
}

/** The node itself, coloured by how it went on: with children, not at all, or out of the picture. */
function Parts({ drawn: { node, y, height }, x }: { drawn: Drawn; x: number }) {
  const ended = (node.ended / Math.max(node.sessions, 1)) * height;
  const rest = ((node.truncated + node.other) / Math.max(node.sessions, 1)) * height;
  const on = Math.max(0, height - ended - rest);
  return (
    <>
      <rect class="on" x={x} y={y} width={NODE_WIDTH} height={on} />
      <rect class="rest" x={x} y={y + on} width={NODE_WIDTH} height={rest} />
      <rect class="ended" x={x} y={y + on + rest} width={NODE_WIDTH} height={ended} />
    </>
  );
}

const LETTER = 7.5;

function shortened(text: string, column: number): string {
  const most = Math.floor((column - 60) / LETTER);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
