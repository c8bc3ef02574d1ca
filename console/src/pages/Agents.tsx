import { Page } from "../components/basics";

export default function Agents() {
  return <Page title="Agents">…</Page>;
}
