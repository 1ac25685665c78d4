/** Lists the shop's products and formats prices. */
import { LOCALES } from "../locale.ts";

export interface Product {
  id: string;
  name: string;
  category: string;
  price: number;
  text: string;
}

export const CURRENCY = "EUR";

export const PRODUCTS: readonly Product[] = [
  {
    id: "stoneware-mug",
    name: "Stoneware mug",
    category: "Kitchen",
    price: 24,
    text: "Thrown by hand, glazed in sage. Holds a proper morning and keeps it warm.",
  },
  {
    id: "brass-lamp",
    name: "Brass table lamp",
    category: "Living",
    price: 119,
    text: "A quiet pool of light for the corner that has waited for one.",
  },
  {
    id: "potted-monstera",
    name: "Potted monstera",
    category: "Plants",
    price: 38,
    text: "Asks for little and answers with a new leaf every month.",
  },
  {
    id: "oak-stool",
    name: "Oak stool",
    category: "Living",
    price: 149,
    text: "Three legs, one board, no screws. A seat, a step, a bedside table.",
  },
  {
    id: "pour-over-kettle",
    name: "Pour-over kettle",
    category: "Kitchen",
    price: 89,
    text: "A gooseneck for those who count the seconds of their coffee.",
  },
  {
    id: "wall-clock",
    name: "Wall clock",
    category: "Living",
    price: 64,
    text: "No numbers, no ticking. You will know when it is time.",
  },
  {
    id: "linen-throw",
    name: "Linen throw",
    category: "Textiles",
    price: 79,
    text: "Washed until soft, woven to last longer than the sofa beneath it.",
  },
  {
    id: "cloth-notebook",
    name: "Cloth notebook",
    category: "Desk",
    price: 16,
    text: "Two hundred pages that lie flat and take ink well.",
  },
];

export function findProduct(id: string): Product | undefined {
  return PRODUCTS.find((product) => product.id === id);
}

const money = new Intl.NumberFormat(LOCALES, { style: "currency", currency: CURRENCY });

export function formatPrice(amount: number): string {
  return money.format(amount);
}
