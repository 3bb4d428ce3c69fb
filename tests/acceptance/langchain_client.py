"""Uses a worker through LangChain's ChatOpenAI and OpenAIEmbeddings. usage: langchain_client.py BASE_URL"""

import asyncio
import sys

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

base = {"base_url": sys.argv[1], "api_key": "none", "max_retries": 0}
model = ChatOpenAI(model="any", temperature=0, max_tokens=40, timeout=120, **base)
question = "How long is the probation period?"

answer = model.invoke(question)
assert "month" in answer.content, answer
assert answer.usage_metadata["total_tokens"] > 0, answer
assert answer.response_metadata["finish_reason"] in ("stop", "length")

pieces = list(model.stream(question))
assert "".join(piece.content for piece in pieces) == answer.content and len(pieces) > 4

turns = [SystemMessage("Answer briefly."), HumanMessage(question), answer, HumanMessage("And when are salaries paid?")]
assert isinstance(model.invoke(turns), AIMessage)

chain = ChatPromptTemplate.from_messages([("user", "How long is the {what}?")]) | model | StrOutputParser()
assert chain.invoke({"what": "probation period"}) == answer.content
assert len(chain.batch([{"what": "probation period"}, {"what": "notice period"}])) == 2


async def at_once():
    return await asyncio.gather(*(model.ainvoke(question) for _ in range(3)))


assert all("month" in said.content for said in asyncio.run(at_once()))

schema = {"title": "Months", "type": "object", "properties": {"months": {"type": "integer"}}, "required": ["months"]}
formed = model.with_structured_output(schema, method="json_schema").invoke(question)
assert isinstance(formed["months"], int), formed

# Texts are sent as they are: the client's own tokenizer is another model's.
embeddings = OpenAIEmbeddings(model="any", check_embedding_ctx_length=False, **base)
vectors = embeddings.embed_documents(["annual leave", "pressure tank"])
assert [len(vector) for vector in vectors] == [384, 384]
assert len(embeddings.embed_query("annual leave")) == 384
print("all checks held")
