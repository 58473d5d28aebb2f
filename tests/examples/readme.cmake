# Fails unless README holds the program in EXAMPLE word for word, as a block of C.
file(READ ${README} readme)
file(READ ${EXAMPLE} example)
string(FIND "${readme}" "```c\n${example}```\n" at)
if(at EQUAL -1)
    message(FATAL_ERROR "README.md does not quote ${EXAMPLE} word for word")
endif()
