/**
 * A heap of the inner points of a curve, smallest area first, leftmost first on ties. Works on the caller's areas, index = point; the first and
 * the last point are no members.
 */
export class AreaHeap {
  readonly #areas: Float64Array;
  /** Points in heap order, and where each point is in it (-1: removed). */
  readonly #points: Int32Array;
  readonly #places: Int32Array;
  #size: number;

  constructor(areas: Float64Array) {
    this.#areas = areas;
    this.#size = Math.max(0, areas.length - 2);
    this.#points = Int32Array.from({ length: this.#size }, (_, i) => i + 1);
    this.#places = Int32Array.from(areas, (_, point) => (point > 0 && point <= this.#size ? point - 1 : -1));
    for (let place = (this.#size >> 1) - 1; place >= 0; place--) this.#sink(place);
  }

  /** The point with the smallest area. The heap must not be empty. */
  smallest(): number {
    return this.#points[0] as number;
  }

  remove(point: number): void {
    const place = this.#places[point] as number;
    this.#places[point] = -1;
    const moved = this.#points[--this.#size] as number;
    if (moved === point) return;
    this.#put(moved, place);
    this.#sink(place);
    this.#rise(this.#places[moved] as number);
  }

  change(point: number, area: number): void {
    this.#areas[point] = area;
    this.#sink(this.#places[point] as number);
    this.#rise(this.#places[point] as number);
  }

  #isBefore(a: number, b: number): boolean {
    const difference = (this.#areas[a] as number) - (this.#areas[b] as number);
    return difference < 0 || (difference === 0 && a < b);
  }

  #put(point: number, place: number): void {
    this.#points[place] = point;
    this.#places[point] = place;
  }

  #rise(from: number): void {
    const point = this.#points[from] as number;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#points[parent] as number;
      if (!this.#isBefore(point, above)) break;
      this.#put(above, place);
      place = parent;
    }
    this.#put(point, place);
  }

  #sink(from: number): void {
    const point = this.#points[from] as number;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#isBefore(this.#points[child + 1] as number, this.#points[child] as number))
        child++;
      const below = this.#points[child] as number;
      if (!this.#isBefore(below, point)) break;
      this.#put(below, place);
      place = child;
    }
    this.#put(point, place);
  }
}
