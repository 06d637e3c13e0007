interface Item {
  readonly page?: string;
  readonly event?: string;
}

/** A page or a custom event, as text. */
export function itemName({ page, event }: Item): string {
  return event === undefined ? page || "(no path)" : `event ${event}`;
}

/** A run of pages and events. */
export function Items({ items }: { items: readonly Item[] }) {
  return (
    <span class="items">
      {items.map((item, index) => (
        <span
          key={`${index} ${itemName(item)}`}
          class={item.event === undefined ? "page" : "event"}
        >
          {itemName(item)}
        </span>
      ))}
    </span>
  );
}
