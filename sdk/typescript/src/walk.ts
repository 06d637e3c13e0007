/** Some items of a list, and where the next page begins; null on the last one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  /** Of a page of events: the `timeOnPage` of the last view before it, where this page tells it. */
  readonly previousViewTime?: number | undefined;
}

/** Where a walk begins, and how much it asks for at a time. */
export interface Paging {
  /** `nextCursor` of a page, with the same query; null or nothing is the beginning. */
  cursor?: string | null | undefined;
  /** How many items a page has at most. */
  pageSize?: number | undefined;
}

/**
 * A list in pages: iterate over it for its items, or over its `pages()`.
 *
 * Pages are read as needed. Each iteration begins at the cursor that the walk was made with.
 */
export class Walk<T> implements AsyncIterable<T> {
  constructor(
    private readonly read: (cursor: string) => Promise<Page<T>>,
    private readonly cursor: string | null | undefined,
  ) {}

  /** The first page. */
  page(): Promise<Page<T>> {
    return this.read(this.cursor ?? "");
  }

  /** Page after page, to the last one. */
  async *pages(): AsyncGenerator<Page<T>> {
    let page = await this.page();
    yield page;
    while (page.nextCursor) {
      page = await this.read(page.nextCursor);
      yield page;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for await (const { items } of this.pages()) yield* items;
  }
}
