import { max, ticks } from "d3-array";
import { area, line } from "d3-shape";
import { useState } from "preact/hooks";
import { useRoving } from "../shared/roving.ts";
import { useWidth } from "../shared/width.ts";

/** A point of a series: a bucket of time. */
export interface Point {
  readonly label: string;
  /** Undefined where the bucket has no such figure. */
  readonly value: number | undefined;
  /** Whether the bucket is not over, or not whole. */
  readonly isPartial: boolean;
  readonly href: string;
}

const HEIGHT = 220;
const EDGE = { top: 12, right: 8, bottom: 26, left: 48 };
const LETTER = 6.5;

/**
 * A line over time, each bucket of which is a link.
 *
 * Drawn by hand as SVG: small chart libraries draw on a canvas, which has no links and no names.
 */
export function Series({
  points,
  name,
  write,
  writeShort,
}: {
  points: readonly Point[];
  name: string;
  write: (value: number) => string;
  /** For the axis, which is narrow. */
  writeShort: (value: number) => string;
}) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const [pointed, setPointed] = useState<number | null>(null);
  const { onKeyDown, stop } = useRoving(points.length);

  const most = max(points, ({ value }) => value) || 1;
  const marks = ticks(0, most, 4);
  const top = Math.max(most, marks.at(-1) ?? 0);
  const inner = Math.max(width - EDGE.left - EDGE.right, 0);
  const step = inner / Math.max(points.length, 1);
  const x = (index: number) => EDGE.left + (index + 0.5) * step;
  const y = (value: number) => EDGE.top + (1 - value / top) * (HEIGHT - EDGE.top - EDGE.bottom);
  const labelWidth = (max(points, ({ label }) => label.length) ?? 0) * LETTER;
  const each = Math.max(1, Math.ceil(labelWidth / Math.max(step, 1)));
  const shown = pointed === null ? undefined : points[pointed];
  const drawn = [...points.keys()];
  const defined = (index: number) => points[index]?.value !== undefined;
  const height = (index: number) => y(points[index]?.value ?? 0);
  const areaPath = area<number>().defined(defined).x(x).y0(y(0)).y1(height)(drawn);
  const linePath = line<number>().defined(defined).x(x).y(height)(drawn);

  return (
    <div class="series" ref={ref}>
      {width > 0 && (
        <svg width={width} height={HEIGHT} onKeyDown={onKeyDown}>
          <title>{name} over time</title>
          {marks.map((mark) => (
            <g key={mark} class="mark">
              <line x1={EDGE.left} x2={width - EDGE.right} y1={y(mark)} y2={y(mark)} />
              <text x={EDGE.left - 8} y={y(mark)} dy="0.32em" text-anchor="end">
                {writeShort(mark)}
              </text>
            </g>
          ))}
          <path class="area" d={areaPath ?? ""} />
          <path class="line" d={linePath ?? ""} />
          {points.map(({ label }, index) =>
            index % each ? null : (
              <text
                key={label}
                class="tick"
                x={x(index)}
                y={HEIGHT - 8}
                text-anchor={width - x(index) < labelWidth / 2 ? "end" : "middle"}
              >
                {label}
              </text>
            ),
          )}
          {points.map((point, index) => (
            <a
              key={point.href}
              href={point.href}
              {...stop(index)}
              aria-label={`${point.label}: ${textOf(point, write)}`}
              onMouseEnter={() => setPointed(index)}
              onMouseLeave={() => setPointed(null)}
              onFocusCapture={() => setPointed(index)}
              onBlur={() => setPointed(null)}
            >
              <rect x={x(index) - step / 2} y={0} width={step} height={HEIGHT - EDGE.bottom} />
              {point.value !== undefined && (
                <circle
                  class={point.isPartial ? "partial" : ""}
                  cx={x(index)}
                  cy={y(point.value)}
                  r={step > 14 || index === pointed ? 3.5 : 0}
                />
              )}
            </a>
          ))}
        </svg>
      )}
      <p class="pointed" aria-hidden="true">
        {shown ? `${shown.label}: ${textOf(shown, write)}` : "Pick a point to list its sessions."}
      </p>
    </div>
  );
}

function textOf({ value, isPartial }: Point, write: (value: number) => string): string {
  return `${value === undefined ? "none" : write(value)}${isPartial ? ", not whole" : ""}`;
}
