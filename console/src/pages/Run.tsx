import { Page } from "../components/basics";

export default function Run() {
  return <Page title="Run">…</Page>;
}
