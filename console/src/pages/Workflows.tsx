import { Page } from "../components/basics";

export default function Workflows() {
  return <Page title="Workflows">…</Page>;
}
