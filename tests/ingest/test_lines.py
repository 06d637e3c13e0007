"""Reading lines: plain and gzipped, long and broken files."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from sessions.ingest.lines import MAX_LINE, Line, UnreadableFile, open_source, total_size


def read(path: Path) -> tuple[list[Line], list[int]]:
    """The lines of a file, blank ones left out, and the numbers of those that were too long."""
    too_long: list[int] = []
    with open_source(str(path)) as source:
        lines = source.lines(too_long.append)
        return [line for line in lines if not line.is_blank], too_long


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_lines_are_numbered(tmp_path: Path) -> None:
    file = write(tmp_path / "f", b"a\r\n\n \t\nb\n\x85c")
    with open_source(str(file)) as source:
        lines = list(source.lines(print))
    assert lines == [
        *(Line(1, b"a", b"\r\n"), Line(2, b""), Line(3, b" \t")),
        *(Line(4, b"b"), Line(5, b"\x85c", b"")),
    ]
    assert [line.is_blank for line in lines] == [False, True, True, False, False]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "lines", "held_back"),
    [
        (b"a\nb", 1, 2),
        (b"a\nb\r", 1, 2),
        (b"a", 0, 1),
        (b"a\nb\n", 2, 0),
        (b"", 0, 0),
    ],
)
def test_a_last_line_without_line_end_is_held_back(
    tmp_path: Path, pack: Callable[[bytes], bytes], content: bytes, lines: int, held_back: int
) -> None:
    file = write(tmp_path / "f", pack(content))
    with open_source(str(file)) as source:
        assert len(list(source.lines(print, complete=False))) == lines
        assert source.held_back == held_back
    with open_source(str(file)) as source:
        assert len(list(source.lines(print, complete=True))) == lines + bool(held_back)
        assert source.held_back == 0


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    assert read(write(tmp_path / "f", b"\xef\xbb\xbfa\n"))[0] == [Line(1, b"a")]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert read(write(tmp_path / "f", b"")) == ([], [])


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n") + gzip.compress(b"b\n")  # two members, as log rotation makes
    assert read(write(tmp_path / "access.log", packed))[0] == [Line(1, b"a"), Line(2, b"b")]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"a\nb", gzip.compress(b"a\nb")):
        stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content)))
        monkeypatch.setattr("sys.stdin", stdin)
        assert read(Path("-"))[0] == [Line(1, b"a"), Line(2, b"b", b"")]


def test_a_line_that_is_too_long_is_left_out_alone(tmp_path: Path) -> None:
    longest = b"x" * (MAX_LINE - 1)
    file = write(
        tmp_path / "f", b"a\n" + longest + b"y\n" + longest + b"\nb\n" + b"z" * MAX_LINE * 3
    )
    lines, too_long = read(file)
    assert [line.number for line in lines] == [1, 3, 4]
    assert too_long == [2, 5]


def test_a_huge_line_takes_little_memory(tmp_path: Path) -> None:
    bomb = write(tmp_path / "f.gz", gzip.compress(b"x" * 64 * MAX_LINE, 1))
    tracemalloc.start()
    try:
        assert read(bomb) == ([], [1])
        assert tracemalloc.get_traced_memory()[1] < 8 * MAX_LINE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            gzip.compress(b"a\nb\n" * 9, mtime=0)[:-8],
            r"f: the gzip file is cut off \(after line 18\)",
        ),
        (gzip.compress(b"a\n", mtime=0)[:-8] + b"12345678", r"f: the gzip file is damaged"),
        (b"\x1f\x8bnonsense", r"f: the gzip file is damaged \(after line 0\)"),
    ],
)
def test_a_broken_gzip_file_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        read(write(tmp_path / "f", content))


def tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("access.log")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (bz2.compress(b"a\n"), "packed with bzip2; unpack it with bunzip2"),
        (lzma.compress(b"a\n"), "packed with xz"),
        (b"\x28\xb5\x2f\xfd\x04", "packed with zstd"),
        (b"PK\x03\x04", "a zip archive"),
        ("a\n".encode("utf-16"), "text in UTF-16; make it UTF-8 with iconv -f UTF-16 "),
        ("ab\n".encode("utf-16-le"), "text in UTF-16; make it UTF-8 with iconv -f UTF-16LE"),
        ("ab\n".encode("utf-16-be"), "text in UTF-16; make it UTF-8 with iconv -f UTF-16BE"),
        (tar(b"a\n"), "a tar archive"),
        (gzip.compress(tar(b"a\n"), mtime=0), "a tar archive"),
        (gzip.compress(bz2.compress(b"a\n"), mtime=0), "packed with bzip2"),
    ],
)
def test_what_holds_no_lines_is_named_once(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(UnreadableFile, match=f"f: is {what}"):
        read(write(tmp_path / "f", content))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="nowhere: No such file or directory"):
        read(tmp_path / "nowhere")
    with pytest.raises(UnreadableFile, match="Is a directory"):
        read(tmp_path)


def test_progress_is_in_bytes_on_disk(tmp_path: Path) -> None:
    packed = write(tmp_path / "f.gz", gzip.compress(b"\n".join(b"%d" % n**9 for n in range(9_999))))
    with open_source(str(packed)) as source:
        assert source.size == packed.stat().st_size
        assert source.position() < source.size
        list(source.lines(print))
        assert source.position() == source.size
    assert total_size([str(packed), str(packed)]) == 2 * packed.stat().st_size
    assert total_size([str(packed), "-"]) == 0
