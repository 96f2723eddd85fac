"""The file of a model, opened: header, metadata, chat template, tensors; what it weighs, and what is not in it.

Only the header is read, so that it works as well on a file too big to load. The format is ggml's (docs/gguf.md).
"""

from __future__ import annotations

from typing import Any

from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing
from tutor.domain.frames import Bar, Bars, Frame, Note, Table
from tutor.domain.language import Text, same
from tutor.domain.model import Model
from tutor.domain.modelfile import (
    PARTS,
    ModelFile,
    Share,
    bits_per_weight,
    bytes_by_type,
    chat_template,
    kv_bytes_per_token,
    memory_at,
    parameters_by_part,
    plain,
    trained_context,
    window,
)
from tutor.domain.plaintext import clean, visible

TITLE = Text("打开一个模型文件：里面有什么，没有什么", "Open a model file: what is in it, and what is not")
NEEDS_MODEL = True

PARAMS = (
    Param(
        "path",
        "text",
        "",
        Text(
            "模型的名字，或者一个 .gguf 文件的路径；空着就是正在用的模型",
            "The name of a model or the path of a .gguf file; empty is the model in use",
        ),
        high=4096,
    ),
)

SHOWN_ROWS = 40
SHOWN_CHARACTERS = 60
SHOWN_TEMPLATE = 1200
CONTEXTS = (1024, 4096, 16_384, 65_536)
# Adam in mixed precision: a float32 copy of the weights, the mean of the gradients and of their squares
# (Rajbhandari et al. 2020, ZeRO, section 3.1).
OPTIMIZER_BYTES = 12


def model_named(params: Params) -> str:
    """The file that is opened: a path or a model's name, empty for the model in use."""
    return str(params["path"]).strip()


def steps(params: Params, model: Model | None = None) -> Steps:
    """`result` has all of what the pictures show a part of; shapes as in the file, the fastest dimension first."""
    if model is None:
        raise ModelMissing("The demo {name} needs a model.", name="model-files")
    file = model.file()
    pictures = (
        _header(file),
        _metadata(file),
        _template(file),
        _types(file),
        _parts(file),
        _tensors(file),
        _memory(file),
        _missing(file),
    )
    for done, (title, frames, note) in enumerate(pictures, 1):
        yield Step(title, frames, note, progress=done / len(pictures))
    return {
        "version": file.version,
        "tensor_count": file.tensor_count,
        "metadata": {key: plain(value) for key, value in file.metadata.items()},
        "tensors": [
            {"name": each.name, "shape": list(each.shape), "type": each.type, "bytes": each.bytes}
            for each in file.tensors
        ],
        "parameters": file.parameters,
        "bytes": file.bytes,
        "bits_per_weight": bits_per_weight(file),
        "bytes_by_type": [_share(share, "type") for share in bytes_by_type(file)],
        "parameters_by_part": [_share(share, "part") for share in parameters_by_part(file)],
        "kv_bytes_per_token": kv_bytes_per_token(file),
        "chat_template": chat_template(file),
    }


Picture = tuple[Text, tuple[Frame, ...], Text]


def _header(file: ModelFile) -> Picture:
    rows = (
        (Text("格式", "format"), f"GGUF {file.version}"),
        (Text("元数据条数", "entries of metadata"), f"{len(file.metadata):,}"),
        (Text("张量", "tensors"), f"{file.tensor_count:,}"),
        (Text("参数", "parameters"), f"{file.parameters:,}"),
        (Text("文件字节", "bytes of the file"), f"{file.bytes:,}"),
        (Text("平均每个参数的比特", "bits a parameter, on average"), f"{bits_per_weight(file):.2f}"),
    )
    columns = (Text("项目", "what"), Text("值", "value"))
    table = Table(columns, tuple((name.get(), value) for name, value in rows))
    note = Text(
        "GGUF 把一切放进一个文件：先是 4 个字节 GGUF、版本和两个计数，然后是元数据，再是每个张量的名字、形状、类型和位置，"
        "最后才是数。前面几部分只有几兆，读它们不必载入模型。",
        "GGUF puts everything into one file: four bytes GGUF, a version and two counts, then the metadata, then each "
        "tensor's name, shape, type and place, and only then the numbers. What comes before them is a few megabytes "
        "and is read without loading the model.",
    )
    return Text("文件头", "The header"), (table,), note


def _metadata(file: ModelFile) -> Picture:
    rows = tuple((visible(key), _cropped(visible(str(value)))) for key, value in file.metadata.items())
    table = Table((Text("键", "key"), Text("值", "value")), rows[:SHOWN_ROWS], label=_first_of(rows))
    note = Text(
        "架构、层数、宽度、头数、上下文长度，整个词表和合并规则：分成几个文件发布时，这些在 config.json、"
        "generation_config.json 和 tokenizer.json 里。",
        "Architecture, layers, width, heads, context length, the whole vocabulary with its merges: published as "
        "several files, this is config.json, generation_config.json and tokenizer.json.",
    )
    return Text("元数据", "Metadata"), (table,), note


def _template(file: ModelFile) -> Picture:
    title = Text("对话模板", "The chat template")
    template = chat_template(file)
    if not template:
        note = Text(
            "这个文件里没有对话模板：它多半是只会续写的底座模型。",
            "This file has no chat template: it is probably a base model, which only continues texts.",
        )
        return title, (), note
    shown = clean(template)[:SHOWN_TEMPLATE]
    cut = len(template) - len(shown)
    label = Text(
        f"前 {SHOWN_TEMPLATE} 个字符，后面还有 {cut:,} 个",
        f"the first {SHOWN_TEMPLATE} characters of {len(template):,}",
    )
    note = Text(
        "一段 Jinja 程序，把对话拼成模型训练时见过的样子。它是文件带来的代码：这里只当文字给你看，不运行。",
        "A Jinja program that turns a conversation into the text that the model was trained on. It is code that comes "
        "with the file: here it is shown as text and not run.",
    )
    frames: tuple[Frame, ...] = (Note(same(shown)), Note(label)) if cut > 0 else (Note(same(shown)),)
    return title, frames, note


def _types(file: ModelFile) -> Picture:
    bars = tuple(Bar(share.name, share.bytes, note=_type_note(share).get()) for share in bytes_by_type(file))
    note = Text(
        "一个文件里有几种类型：最怕误差的张量多留几位，归一化这样的小张量干脆不压。每个参数的比特数包括每一块的比例因子。",
        "Several types in one file: tensors that suffer most from errors keep more bits, small ones such as norms are "
        "not quantized at all. The bits of a parameter include the scales of its block.",
    )
    return Text("各种类型占多少字节", "Bytes by type"), (Bars(bars, unit=Text("字节", "bytes").get()),), note


def _type_note(share: Share) -> Text:
    bits = 8 * share.bytes / share.parameters
    return Text(
        f"{share.tensors} 个张量，每个参数 {bits:.2f} 比特", f"{share.tensors} tensors, {bits:.2f} bits a parameter"
    )


def _parts(file: ModelFile) -> Picture:
    shares = parameters_by_part(file)
    bars = tuple(
        Bar(PARTS[share.name].get(), share.parameters, note=f"{share.parameters / file.parameters:.2%}")
        for share in shares
    )
    note = Text(
        "小模型的很大一部分是词表：每个词元一行，宽度多大就有多少个数。有输出矩阵时它也是同样大小；没有时，词嵌入兼做输出。",
        "Much of a small model is its vocabulary: a row for each token, as long as the model is wide. The output matrix "
        "is as large again; where there is none, the embedding serves as both.",
    )
    return Text("各部分有多少参数", "Parameters by part"), (Bars(bars),), note


def _tensors(file: ModelFile) -> Picture:
    rows = tuple(
        (visible(each.name), " x ".join(map(str, each.shape)), each.type, f"{each.bytes:,}") for each in file.tensors
    )
    columns = (Text("名字", "name"), Text("形状", "shape"), Text("类型", "type"), Text("字节", "bytes"))
    note = Text(
        "名字说出位置：blk.0.attn_q.weight 是第 0 层注意力里算查询的矩阵。这些名字和形状足够重建网络，却不说它怎样训练出来。",
        "The name says the place: blk.0.attn_q.weight makes the queries of layer 0's attention. Names and shapes are "
        "enough to build the network again; they say nothing of how it was trained.",
    )
    return Text("张量", "The tensors"), (Table(columns, rows[:SHOWN_ROWS], label=_first_of(rows)),), note


def _memory(file: ModelFile) -> Picture:
    title = Text("跑起来要多少内存", "Memory at a context length")
    per_token = kv_bytes_per_token(file)
    if per_token is None:
        note = Text(
            "元数据里没有算 KV 缓存所需的层数、头数或宽度：除了文件本身，这里说不出更多。",
            "The metadata lacks the layers, heads or widths that a KV cache is reckoned from: beyond the file itself "
            "nothing can be said here.",
        )
        return title, (), note
    trained = trained_context(file)
    contexts = sorted({*CONTEXTS, *([trained] if trained else [])})
    needs = [memory_at(file, context) for context in contexts]
    rows = tuple((f"{need.context:,}", _mb(need.file), _mb(need.cache or 0), _mb(need.total)) for need in needs)
    columns = (Text("上下文", "context"), Text("文件", "file"), Text("KV 缓存", "KV cache"), Text("合计", "together"))
    marks = tuple("chosen" if need.context == trained else "" for need in needs)
    note = Text(
        f"每个词元要存 {per_token:,} 字节的键和值（16 位）。标出的一行是训练时的上下文长度。没有算在内：计算用的缓冲区和程序本身。",
        f"Every token keeps {per_token:,} bytes of keys and values (16 bits each). The marked row is the context it was "
        "trained for. Not counted: the buffers of the computation and the program itself.",
    )
    if (reach := window(file)) is not None:
        note = Text(
            f"{note.zh}有些层只回看 {reach:,} 个词元，它们的缓存到那里就不再长大：这里是上限。",
            f"{note.en} Some layers look back over {reach:,} tokens only and their cache stops growing there: these "
            "are upper bounds.",
        )
    return title, (Table(columns, rows, marks=marks),), note


def _missing(file: ModelFile) -> Picture:
    state = file.parameters * OPTIMIZER_BYTES
    rows = (
        (Text("训练数据和它的顺序", "the training data and its order"), Text("没有", "not there")),
        (Text("训练脚本和版本", "the training script and its versions"), Text("没有", "not there")),
        (Text("学习率计划、批大小、随机种子", "learning-rate schedule, batch size, seeds"), Text("没有", "not there")),
        (
            Text("优化器状态", "the optimizer's state"),
            Text(f"没有；用 Adam 时约 {_mb(state)}", f"not there; with Adam about {_mb(state)}"),
        ),
        (Text("网络结构", "the architecture"), Text("在元数据和形状里", "in the metadata and the shapes")),
        (Text("分词器", "the tokenizer"), Text("完整", "complete")),
        (Text("对话格式", "the format of conversations"), Text("在模板里", "in the template")),
        (Text("训练过的上下文长度", "the context it was trained for"), Text("在元数据里", "in the metadata")),
    )
    columns = (Text("项目", "what"), Text("在文件里吗", "in the file?"))
    table = Table(columns, tuple((name.get(), state.get()) for name, state in rows))
    note = Text(
        "所以训练脚本倒推不出来：同样的权重可以由许多条路走到。能看出的是结果，而不是过程。",
        "So the training script cannot be recovered: many ways lead to the same weights. What can be seen is the "
        "outcome, not the process.",
    )
    return Text("没有什么", "What is not in the file"), (table,), note


def _share(share: Share, kind: str) -> dict[str, Any]:
    return {kind: share.name, "tensors": share.tensors, "parameters": share.parameters, "bytes": share.bytes}


def _first_of(rows: tuple[tuple[str, ...], ...]) -> Text:
    if len(rows) <= SHOWN_ROWS:
        return Text()
    return Text(f"{len(rows)} 行中的前 {SHOWN_ROWS} 行", f"the first {SHOWN_ROWS} of {len(rows):,} rows")


def _cropped(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 2] + ".."


def _mb(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
